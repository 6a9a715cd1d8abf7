package sql

import "strings"

// Every keyword may name a column, table or alias, as in Spark's default mode,
// where that leaves no doubt. The sets here say where there is doubt.

// set returns the words of text as a set.
func set(text string) map[string]bool {
	s := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		s[word] = true
	}
	return s
}

var (
	// startsNoExpr holds the words that never begin an expression unless they
	// are followed by a point or call.
	startsNoExpr = set(`SELECT FROM WHERE HAVING QUALIFY UNION EXCEPT INTERSECT AND OR AS WHEN THEN ELSE
		BETWEEN IN IS LIKE ILIKE RLIKE LIMIT JOIN ON USING BY GROUP ORDER`)

	// noColumnAlias holds the words that are no alias of a select item unless
	// AS stands before them.
	noColumnAlias = set(`FROM WHERE GROUP HAVING QUALIFY ORDER SORT CLUSTER DISTRIBUTE LIMIT OFFSET WINDOW UNION EXCEPT
		INTERSECT MINUS SETMINUS LATERAL AS FOR IN IS LIKE ILIKE RLIKE REGEXP BETWEEN NOT AND OR DIV ON JOIN
		WHEN THEN ELSE USING FILEFORMAT ASC DESC NULLS INTO SELECT VALUES`)

	// noTableAlias holds the same for tables.
	noTableAlias = set(`JOIN LEFT RIGHT FULL INNER CROSS NATURAL SEMI ANTI PIVOT UNPIVOT TABLESAMPLE VERSION TIMESTAMP
		SYSTEM_VERSION SYSTEM_TIME SET WHEN WITH OUTER FILEFORMAT`)

	// startsSpecial holds the words that begin an expression, a table or a
	// window of their own form.
	startsSpecial = set(`CASE CAST TRY_CAST INTERVAL TRUE FALSE NULL NOT EXISTS EXTRACT CURRENT_DATE CURRENT_TIMESTAMP
		CURRENT_USER DISTINCT ALL ANY SOME ROLLUP CUBE GROUPING IDENTIFIER TABLE VALUES WITH STREAM LATERAL END
		ROWS RANGE PARTITION CURRENT UNBOUNDED RECURSIVE CONSTRAINT`)

	// callsPlainly holds those of the words above that are a plain call where a
	// parenthesis follows.
	callsPlainly = set(`CURRENT_DATE CURRENT_TIMESTAMP CURRENT_USER ANY SOME GROUPING RANGE LEFT RIGHT LIKE ILIKE RLIKE REGEXP
		TIMESTAMP WINDOW DIV`)
)

// isKeyword reports whether a word has a meaning to the parser in some place
// where a name may stand, so that a printed name is better quoted.
func isKeyword(word string) bool {
	word = strings.ToUpper(word)
	return startsNoExpr[word] || noColumnAlias[word] || noTableAlias[word] || startsSpecial[word]
}
