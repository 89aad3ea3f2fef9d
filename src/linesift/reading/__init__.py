"""From bytes to lines: pages, and all that reads them."""
