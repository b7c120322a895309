"""`seq2seq compare`: what is said of the families, measured."""
