"""The page of the glossary."""

from pages.ui.terms import glossary

glossary()
