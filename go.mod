module consilium

go 1.26
