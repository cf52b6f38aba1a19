"""Reading training runs and the rounds behind them."""
