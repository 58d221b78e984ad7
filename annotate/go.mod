module github.com/golockdep/lockdep/annotate

go 1.24
