module github.com/golockdep/lockdep

go 1.26.0
