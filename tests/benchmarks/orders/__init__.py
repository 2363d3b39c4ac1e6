"""How surely needs become orders: at a retailer that fails, with workers that are killed all the time."""
