"""Deep dive: what an inverse simulator is, what it rests on, where it comes from and what to do where it fails."""
