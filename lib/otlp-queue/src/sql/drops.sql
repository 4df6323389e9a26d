SELECT reason, items FROM drops
