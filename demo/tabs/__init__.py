"""One file per page of the studio; each offers `build(engine)`, called inside the page's Blocks."""
