package contract

func snsCases() []testCase { return nil }
