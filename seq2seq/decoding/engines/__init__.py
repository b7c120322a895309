"""The engines of search: what computes the predictions of a model."""
