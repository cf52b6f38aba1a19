"""What knows neither database nor HTTP."""
