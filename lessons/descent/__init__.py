"""Part two of the course: gradient descent and its four faults, each shown beside the methods that do not have it."""
