"""The panel that adds models: the authors' released weights, files, and repositories of the Hub."""
