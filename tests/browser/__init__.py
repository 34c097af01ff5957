"""The real app in a real browser: `conftest.py` has the fixtures, `driver.py` what they are made of."""
