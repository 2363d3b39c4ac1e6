"""The server: it stores what devices say, forecasts, decides under the mandate, and places one order."""
