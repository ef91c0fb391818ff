"""What was found, for people: tables, sentences, files. Everything is made from the analysis document alone."""
