"""From the user's words to a study of their functions."""
