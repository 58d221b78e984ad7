module soak.example/programs

go 1.25
