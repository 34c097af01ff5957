"""Everything that speaks to Streamlit: one renderer for all lessons, the stage component, the training job."""
