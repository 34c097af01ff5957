"""What the course promises, checked: the mathematics, the lessons, the house rules, the pages."""
