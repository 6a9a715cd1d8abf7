package sql

import (
	"strings"

	"github.com/freshet/freshet/schema"
)

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

// lambdaBody returns the body of a lambda whose parameters have these types, or
// unknown ones.
func (p *printer) lambdaBody(l *Lambda, types ...schema.Type) string {
	outer := len(p.lambdas)
	for i, name := range l.Params {
		param := output{name: name}
		if i < len(types) {
			param.typ = types[i]
		}
		p.lambdas = append(p.lambdas, param)
	}
	defer func() { p.lambdas = p.lambdas[:outer] }()
	return p.text(l.Body)
}

// elementLambda writes a lambda over a list's elements and, when it has a
// second parameter, their indexes from zero.
func elementLambda(p *printer, l *Lambda, list Expr) string {
	array, _ := p.typeOf(list).(schema.Array)
	body := p.lambdaBody(l, array.Element, schema.Integer)
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
	return "list_transform(" + p.text(call.Args[0]) + ", " + elementLambda(p, l, call.Args[0]) + ")", nil
}

func filter(p *printer, call *FunctionCall) (string, error) {
	l, err := lambdaArgument(call, 1, 1, 2)
	if err != nil {
		return "", err
	}
	return "list_filter(" + p.text(call.Args[0]) + ", " + elementLambda(p, l, call.Args[0]) + ")", nil
}

// predicate is exists or forall: a function of the list of a lambda's truths.
func predicate(name string) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		l, err := lambdaArgument(call, 1, 1, 1)
		if err != nil {
			return "", err
		}
		return name + "(CAST(list_transform(" + p.text(call.Args[0]) + ", " + elementLambda(p, l, call.Args[0]) + ") AS BOOLEAN[]))", nil
	}
}

// aggregate is aggregate(list, start, (acc, x) -> merge[, acc -> finish]).
func aggregate(p *printer, call *FunctionCall) (string, error) {
	merge, err := lambdaArgument(call, 2, 2, 2)
	if err != nil {
		return "", err
	}
	text := "list_reduce(" + p.text(call.Args[0]) + ", lambda " + ident(merge.Params[0]) + ", " + ident(merge.Params[1]) +
		": " + p.lambdaBody(merge) + ", " + p.text(call.Args[1]) + ")"
	if len(call.Args) == 3 {
		return text, nil
	}
	finish, err := lambdaArgument(call, 3, 1, 1)
	if err != nil {
		return "", err
	}
	return let(finish.Params[0], text, p.lambdaBody(finish)), nil
}

// zipWith is zip_with(a, b, (x, y) -> body) up to the longer list's end.
func zipWith(p *printer, call *FunctionCall) (string, error) {
	l, err := lambdaArgument(call, 2, 2, 2)
	if err != nil {
		return "", err
	}
	a, b := p.operand(call.Args[0]), p.operand(call.Args[1])
	body := let(l.Params[0], a+"[freshet_index]", let(l.Params[1], b+"[freshet_index]", p.lambdaBody(l)))
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
		body := let(l.Params[0], "e.key", let(l.Params[1], "e.value", p.lambdaBody(l)))
		return strings.NewReplacer("%m", p.text(call.Args[0]), "%b", body).Replace(template), nil
	}
}

// mapZipWith is map_zip_with(a, b, (key, x, y) -> body) over the keys of both.
func mapZipWith(p *printer, call *FunctionCall) (string, error) {
	l, err := lambdaArgument(call, 2, 3, 3)
	if err != nil {
		return "", err
	}
	a, b := p.operand(call.Args[0]), p.operand(call.Args[1])
	body := let(l.Params[1], a+"[freshet_key]", let(l.Params[2], b+"[freshet_key]", let(l.Params[0], "freshet_key", p.lambdaBody(l))))
	keys := "spark_array_distinct(map_keys(" + a + ") || map_keys(" + b + "))"
	return "MAP(" + keys + ", list_transform(" + keys + ", lambda freshet_key: " + body + "))", nil
}
