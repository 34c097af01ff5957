"""One small file a lesson, in a folder a part: Streamlit treats scripts directly in here as pages of its own."""
