"""The laboratory: the experiments of the Deceptron's paper over several seeds, for a page and for the command line."""
