# An absolute path.
type Linkaudit::Absolutepath = Pattern[/\A\/[^\0]*\z/]
