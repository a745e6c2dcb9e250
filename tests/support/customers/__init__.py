"""User models of sites that are not like the stock one."""
