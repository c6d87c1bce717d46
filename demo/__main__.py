"""`python -m demo [--host] [--port] [--model]`: prepare the studio, print its address, serve it."""

from demo.app import main

if __name__ == "__main__":
    raise SystemExit(main())
