module plumbline.local/programs/greeter

go 1.24
