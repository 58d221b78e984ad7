package tests

type Exported = inner
