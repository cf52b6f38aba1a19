"""The board's drawings: geometry only. Numbers come in ready, marks go out; nothing here counts or knows Django."""
