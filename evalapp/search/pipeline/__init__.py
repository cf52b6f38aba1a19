"""Long work: building generations, looking for duplicates, and the search service itself."""
