"""The floor: the stage and the texts of one lesson, in a Streamlit app that computes nothing and never imports JAX."""
