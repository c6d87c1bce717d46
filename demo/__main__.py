"""`python -m demo [--host] [--port] [--model] [--queue] [--no-mcp]`: opens the studio.

It prepares the studio, prints its address and serves it.
"""

from demo.app import main

if __name__ == "__main__":
    raise SystemExit(main())
