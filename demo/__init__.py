"""The studio: a web page on which sentences become pictures. `python -m demo` opens it."""
