"""`seq2seq compare`: what people claim about the model families, measured."""
