"""Components, HTML and styles that the tabs share."""
