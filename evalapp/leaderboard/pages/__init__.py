"""The board's pages and files; all of them are there for whom the study's board is."""
