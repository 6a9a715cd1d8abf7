package sql

import "strings"

// Functions that take functions. DuckDB counts a list's elements from one,
// Spark from zero, and DuckDB has lambdas for lists alone; what is missing is
// bound by a lambda over a list of one, see [let].

// lambda returns the i-th argument of a call as a lambda of low to high
// parameters.
func lambdaArgument(call *FunctionCall, i, low, high int) (*Lambda, error) {
	if i >= len(call.Args) {
		return nil, wrongArguments(call, "more")
	}
	l, ok := call.Args[i].(*Lambda)
	if !ok || len(l.Params) < low || len(l.Params) > high {
		return nil, unsupported(call.Args[i], "An argument of "+call.Func()+" that is not a lambda of "+countText(low, high)+" parameters")
	}
	return l, nil
}

// let binds a name to a value in a body.
func let(name, value, body string) string {
	return "list_transform([" + value + "], lambda " + ident(name) + ": " + body + ")[1]"
}

// elementLambda writes a lambda over a list's elements and, when it has a
// second parameter, their indexes from zero.
func elementLambda(p *printer, l *Lambda) string {
	body := p.text(l.Body)
	if len(l.Params) == 1 {
		return "lambda " + ident(l.Params[0]) + ": " + body
	}
	return "lambda " + ident(l.Params[0]) + ", freshet_index: " + let(l.Params[1], "CAST(freshet_index - 1 AS INTEGER)", body)
}

func transform(p *printer, call *FunctionCall) (string, error) {
	l, err := lambdaArgument(call, 1, 1, 2)
	if err != nil {
		return "", err
	}
	return "list_transform(" + p.text(call.Args[0]) + ", " + elementLambda(p, l) + ")", nil
}

func filter(p *printer, call *FunctionCall) (string, error) {
	l, err := lambdaArgument(call, 1, 1, 2)
	if err != nil {
		return "", err
	}
	return "list_filter(" + p.text(call.Args[0]) + ", " + elementLambda(p, l) + ")", nil
}

// predicate is exists or forall: a function of the list of a lambda's truths.
func predicate(name string) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		l, err := lambdaArgument(call, 1, 1, 1)
		if err != nil {
			return "", err
		}
		return name + "(CAST(list_transform(" + p.text(call.Args[0]) + ", " + elementLambda(p, l) + ") AS BOOLEAN[]))", nil
	}
}

// aggregate is aggregate(list, start, (acc, x) -> merge[, acc -> finish]).
func aggregate(p *printer, call *FunctionCall) (string, error) {
	merge, err := lambdaArgument(call, 2, 2, 2)
	if err != nil {
		return "", err
	}
	text := "list_reduce(" + p.text(call.Args[0]) + ", lambda " + ident(merge.Params[0]) + ", " + ident(merge.Params[1]) +
		": " + p.text(merge.Body) + ", " + p.text(call.Args[1]) + ")"
	if len(call.Args) == 3 {
		return text, nil
	}
	finish, err := lambdaArgument(call, 3, 1, 1)
	if err != nil {
		return "", err
	}
	return let(finish.Params[0], text, p.text(finish.Body)), nil
}

// zipWith is zip_with(a, b, (x, y) -> body) up to the longer list's end.
func zipWith(p *printer, call *FunctionCall) (string, error) {
	l, err := lambdaArgument(call, 2, 2, 2)
	if err != nil {
		return "", err
	}
	a, b := p.operand(call.Args[0]), p.operand(call.Args[1])
	body := let(l.Params[0], a+"[freshet_index]", let(l.Params[1], b+"[freshet_index]", p.text(l.Body)))
	return "list_transform(range(1, 1 + greatest(len(" + a + "), len(" + b + "))), lambda freshet_index: " + body + ")", nil
}

// mapLambda is a function of a map, %m, and a lambda of key and value, whose
// body %b is within a lambda of the entry e.
func mapLambda(template string) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		l, err := lambdaArgument(call, 1, 2, 2)
		if err != nil {
			return "", err
		}
		body := let(l.Params[0], "e.key", let(l.Params[1], "e.value", p.text(l.Body)))
		return strings.NewReplacer("%m", p.text(call.Args[0]), "%b", body).Replace(template), nil
	}
}
