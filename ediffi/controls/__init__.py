"""What a person steers a picture with beyond the sentence; nothing here touches a network."""
