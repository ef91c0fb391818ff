"""What fills the pages of the documentation, and measures anew what they show: one module for each kind of page."""
