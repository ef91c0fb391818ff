"""From the functions and arguments a user names to a study of them."""
