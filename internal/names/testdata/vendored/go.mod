module example.com/vendored

go 1.26

require example.com/dep.v2 v0.0.0
