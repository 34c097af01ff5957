"""The opening page of the course."""
