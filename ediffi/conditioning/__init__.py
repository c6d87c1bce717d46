"""From a sentence and a picture to what the denoisers are told (Sec. 4.2 and App. A of the paper)."""
