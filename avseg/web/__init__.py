"""HTML that needs no server: templates, charts and colours of the page and of shared files."""
