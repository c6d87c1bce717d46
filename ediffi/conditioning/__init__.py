"""From a sentence and a picture to what the denoisers are told (paper Sec. 4.2, App. A)."""
