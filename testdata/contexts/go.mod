module example.org/contexts

go 1.24
