"""Language: from text to tokens, through a transformer, and back to text."""
