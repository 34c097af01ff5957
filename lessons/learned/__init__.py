"""Part two of the course: learning the local inverse where none is known, and knowing when to trust it."""
