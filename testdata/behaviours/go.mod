module behaviours

go 1.24
