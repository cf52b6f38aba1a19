"""Long work of voting: the simulated crowd."""
